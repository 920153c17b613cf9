"""DancePose: from 3D skeleton motion to a rigged, posed SMPL avatar."""

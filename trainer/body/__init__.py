"""The body model, P_3d and rotations in torch."""

"""Armature, mesh, F-curves and stored records of one dancer."""

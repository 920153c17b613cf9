"""Drawing of fits, motions and layouts with Matplotlib and Pillow."""

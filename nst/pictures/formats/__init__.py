"""Picture formats as browsers show them: Pillow's plugins, and what those refuse or get wrong.

Each class is a ``PIL.ImageFile.ImageFile``. Opening a picture needs no NumPy.
"""

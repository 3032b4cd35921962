"""What developers run: training of the bundled network, drawing of the presets. Not in the wheel."""

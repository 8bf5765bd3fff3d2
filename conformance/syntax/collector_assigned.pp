$a = -File <<| |>>

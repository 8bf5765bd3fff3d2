notice("abc"["x"])

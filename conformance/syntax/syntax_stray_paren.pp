notice 1)

$a = 10, notice 1

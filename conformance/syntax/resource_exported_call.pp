@@foo(1)

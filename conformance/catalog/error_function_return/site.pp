function f() >> Integer { "s" }
notice(f())

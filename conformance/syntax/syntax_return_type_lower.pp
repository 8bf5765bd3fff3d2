function f() >> integer { }

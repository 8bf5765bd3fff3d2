class a(Integer $x = "s") { }
include a

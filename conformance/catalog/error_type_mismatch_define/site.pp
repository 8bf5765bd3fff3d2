define d(Array[String] $x, Optional[Integer] $y = undef) { }
d { "a": x => [1], y => "q" }

file { a: * => $x, b => 1, * => $y }

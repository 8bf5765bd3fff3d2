unless $a { }
unless $a { 1 } else { 2 }
unless $a and $b { foo() }
$x = unless $y { 1 }

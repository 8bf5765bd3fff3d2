if $x && $y { }

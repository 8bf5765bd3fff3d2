if $x { } /a/

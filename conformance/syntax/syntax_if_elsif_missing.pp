if 1 { } elsif { }

foo { a: if => 1, unless => 2, case => 3, class => 4, default => 5, define => 6, else => 7, elsif => 8, in => 9, inherits => 10, node => 11, and => 12, or => 13, undef => 14, type => 15, function => 16, attr => 17, private => 18, plan => 19 }
foo { b: * => { x => 1 }, y => 2 }
foo { c: , d => 1 }

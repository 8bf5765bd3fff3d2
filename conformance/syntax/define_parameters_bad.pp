class a ($1, $0x1, $A, $a::b, *$c) {}

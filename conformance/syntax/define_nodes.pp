node a { }
node 'b.c' { notice 1 }
node default { }
node /^x\d+$/ { include foo }
node d, 'e', /f/, default, { }
node g.h.i { }
node 10.0.0.1 { }
node 1, a.2.b { }
node "k" { }
node foo-bar { }

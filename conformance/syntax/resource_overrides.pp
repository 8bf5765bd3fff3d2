File['a'] { mode => '0644' }
File['a', 'b'] { mode +> 1, owner => undef }
Resource[file, a] { x => 1 }
Foo::Bar[x][y] { * => $h }

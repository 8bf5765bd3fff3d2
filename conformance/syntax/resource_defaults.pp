File { mode => '0644' }
Foo::Bar { a => b, }
File { }
File { , }
File { , a => 1 }

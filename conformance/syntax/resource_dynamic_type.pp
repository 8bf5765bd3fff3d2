$x { a: b => c }
$x[1] { a: }
File { a: mode => 1 }
Resource[file] { a: }

class a {
  if $x {
    case $y {
      1: { unless $z { foo { bar: baz => 1 } } }
      default: { $q.each |$r| { notice $r } }
    }
  }
}

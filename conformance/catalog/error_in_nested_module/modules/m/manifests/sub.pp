class m::sub {
  [1].each |$x| {
    fail("x ${x}")
  }
}

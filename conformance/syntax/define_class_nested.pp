class a {
  class b {
    class c { }
    define d { }
    node e { }
  }
  class f::g { }
}

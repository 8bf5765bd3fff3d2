class a {
  notify { "x" }
}

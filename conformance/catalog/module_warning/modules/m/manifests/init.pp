class m {
  notify { "x": message => "\q" }
}

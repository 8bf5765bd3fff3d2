file { "/a/${b}": content => "x
  ${c}
" }

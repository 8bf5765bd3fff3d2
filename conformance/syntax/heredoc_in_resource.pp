file { '/a':
  content => @("END"),
    hello ${name}
    | END
  mode => '0644',
}

file { and 1 }

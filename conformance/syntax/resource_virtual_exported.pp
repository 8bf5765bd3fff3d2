@file { a: b => c }
@@file { d: e => f }
@ file { g: }

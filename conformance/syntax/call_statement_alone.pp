function f() { return }
function g() { next 1 }
function h() { break() }

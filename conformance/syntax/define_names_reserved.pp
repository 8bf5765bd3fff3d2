class integer {}
define string {}
function array() {}
class plan {}
function f() >> Plan {}

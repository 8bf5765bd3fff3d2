class a ($name) {}
define b ($title) {}
function c($name) { }

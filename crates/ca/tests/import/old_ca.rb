# Writes a CA directory as the Ruby CA of Puppet 2.6 to 5 did: its objects, made with its library (OpenSSL of Ruby), its
# texts and its permissions. ruby old_ca.rb DIRECTORY sha1|sha256 [PASSWORD]
#
# The CA has the serial 1; 2 is alive.example.com, 3 revoked.example.com (keyCompromise), 4 cleaned.example.com
# (cessationOfOperation, its file is gone), 5 and 6 twice.example.com (5 superseded, not revoked).
require 'openssl'
require 'fileutils'

dir, digest, password = ARGV
password = nil if password == ''
FileUtils.mkdir_p(%w[signed requests private].map { |name| File.join(dir, name) })
NAME = 'Puppet CA: old.example.com'
BORN = Time.utc(2024, 3, 1, 12, 0, 0)
LIFE = 15 * 365 * 86_400

def comment(factory)
  factory.create_extension('nsComment', 'Puppet Ruby/OpenSSL Internal Certificate')
end

def certificate(subject, serial, public_key, issuer, key, digest, extensions)
  made = OpenSSL::X509::Certificate.new
  made.version = 2
  made.serial = serial
  made.subject = OpenSSL::X509::Name.new([['CN', subject]])
  made.issuer = issuer ? issuer.subject : made.subject
  made.not_before = BORN
  made.not_after = BORN + LIFE
  made.public_key = public_key
  factory = OpenSSL::X509::ExtensionFactory.new
  factory.subject_certificate = made
  factory.issuer_certificate = issuer || made
  made.add_extension(comment(factory))
  extensions.each { |name, value, critical| made.add_extension(factory.create_extension(name, value, critical)) }
  made.sign(key, OpenSSL::Digest.new(digest))
end

key = OpenSSL::PKey::RSA.new(2048)
ca = certificate(NAME, 1, key.public_key, nil, key, digest,
                 [['basicConstraints', 'CA:TRUE', true], ['keyUsage', 'keyCertSign, cRLSign', true],
                  ['subjectKeyIdentifier', 'hash', false]])
leaf = [['basicConstraints', 'CA:FALSE', true], ['keyUsage', 'digitalSignature,keyEncipherment', true],
        ['extendedKeyUsage', 'serverAuth,clientAuth', true], ['subjectKeyIdentifier', 'hash', false]]

rows = [ca]
files = {}
%w[alive revoked cleaned twice twice].each_with_index do |name, index|
  host = OpenSSL::PKey::RSA.new(2048)
  made = certificate("#{name}.example.com", index + 2, host.public_key, ca, key, digest, leaf)
  rows << made
  files[name] = made
end
files.delete('cleaned')

list = OpenSSL::X509::CRL.new
list.version = 1
list.issuer = ca.subject
list.last_update = Time.now - 1
list.next_update = Time.now + 5 * 365 * 86_400
{ 3 => 1, 4 => 5 }.each do |serial, reason|
  entry = OpenSSL::X509::Revoked.new
  entry.serial = serial
  entry.time = BORN + 86_400
  entry.add_extension(OpenSSL::X509::Extension.new('CRLReason', OpenSSL::ASN1::Enumerated(reason)))
  list.add_revoked(entry)
end
list.add_extension(OpenSSL::X509::Extension.new('crlNumber', OpenSSL::ASN1::Integer(2)))
list.sign(key, OpenSSL::Digest.new('sha1'))

write = lambda do |name, text, mode|
  path = File.join(dir, name)
  File.write(path, text)
  File.chmod(mode, path)
end
write.call('ca_crt.pem', ca.to_pem, 0o644)
# The Ruby CA encrypts its key with a password of its own.
exported = password ? key.export(OpenSSL::Cipher.new('des-ede3-cbc'), password) : key.to_pem
write.call('private/ca.pass', password, 0o640) if password
write.call('ca_key.pem', exported, 0o640)
write.call('ca_pub.pem', key.public_key.to_pem, 0o644)
write.call('ca_crl.pem', list.to_pem, 0o644)
write.call('serial', '%04X' % (rows.length + 1), 0o644)
time = ->(at) { at.strftime('%Y-%m-%dT%H:%M:%S%Z') }
head = "# Inventory of signed certificates\n# SERIAL NOT_BEFORE NOT_AFTER SUBJECT\n"
lines = rows.map do |made|
  format("0x%04x %s %s %s\n", made.serial.to_i, time.call(made.not_before), time.call(made.not_after), made.subject.to_s)
end
write.call('inventory.txt', head + lines.join, 0o640)
files.each { |name, made| write.call("signed/#{name}.example.com.pem", made.to_pem, 0o644) }
FileUtils.chmod(0o750, [dir, File.join(dir, 'signed'), File.join(dir, 'requests'), File.join(dir, 'private')])

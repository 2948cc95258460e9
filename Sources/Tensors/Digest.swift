import CCrypto

/// A SHA-256 digest that is fed piece by piece.
package final class Digest {
  private let context = EVP_MD_CTX_new()

  /// A digest of nothing so far.
  package init() { EVP_DigestInit_ex(context, EVP_sha256(), nil) }

  deinit { EVP_MD_CTX_free(context) }

  /// Takes further bytes in.
  package func update(_ bytes: UnsafeRawBufferPointer) {
    EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
  }

  /// Takes a text in, and its end.
  package func update(_ text: String) { Array((text + "\0").utf8).withUnsafeBytes(update) }

  /// The digest of all bytes, in hexadecimal; it takes no more of them.
  package func finish() -> String {
    var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
    var length: UInt32 = 0
    EVP_DigestFinal_ex(context, &digest, &length)
    let digits = Array("0123456789abcdef".utf8)
    return String(
      decoding: digest.prefix(Int(length)).flatMap {
        [digits[Int($0 >> 4)], digits[Int($0 & 15)]]
      },
      as: UTF8.self)
  }

  /// The digest of these bytes, in hexadecimal.
  package static func sha256(of bytes: UnsafeRawBufferPointer) -> String {
    let digest = Digest()
    digest.update(bytes)
    return digest.finish()
  }

  /// The digest of a row-major tensor: its shape, the type of its elements, and these as they lie in
  /// memory.
  package static func sha256(of tensor: Tensor) -> String {
    defer { withExtendedLifetime(tensor.storage) {} }
    let digest = Digest()
    digest.update("\(tensor)")
    digest.update(UnsafeRawBufferPointer(start: tensor.address, count: tensor.byteCount))
    return digest.finish()
  }
}

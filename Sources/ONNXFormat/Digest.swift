import CCrypto
package import Tensors

/// SHA-256 digests, in hexadecimal.
package enum Digest {
  /// The digest of these bytes.
  package static func sha256(of bytes: UnsafeRawBufferPointer) -> String {
    var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
    var length: UInt32 = 0
    _ = EVP_Digest(bytes.baseAddress, bytes.count, &digest, &length, EVP_sha256(), nil)
    let digits = Array("0123456789abcdef")
    return String(
      digest.prefix(Int(length)).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
  }

  /// The digest of a tensor's elements as they lie in memory.
  package static func sha256(of tensor: Tensor) -> String {
    WireWriter.Piece.elements(tensor).withBytes(sha256)
  }
}

extension ModelFile {
  /// The SHA-256 digest of the file's bytes, in hexadecimal.
  package func sha256() -> String { withBytes(Digest.sha256) }
}

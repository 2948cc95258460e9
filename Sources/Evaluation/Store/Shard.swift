/// A part of a data set, by the digests of the samples: the same samples on every machine.
public struct Shard: Sendable, Hashable, Codable, CustomStringConvertible {
  /// Which part it is, from 1 to `count`.
  public let index: Int
  /// How many parts there are.
  public let count: Int

  /// The whole data set.
  public static let whole = Shard(unchecked: 1, of: 1)

  /// The part that `I/N` names; nil unless I is one of 1 to N.
  public init?(_ text: String) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false).map { Int($0) }
    guard parts.count == 2, let index = parts[0], let count = parts[1], count >= 1,
      (1...count).contains(index)
    else { return nil }
    self.init(unchecked: index, of: count)
  }

  init(unchecked index: Int, of count: Int) {
    self.index = index
    self.count = count
  }

  /// The part as `I/N`.
  public var description: String { "\(index)/\(count)" }

  /// Whether a sample belongs to this part: the first 64 bits of its digest, modulo the number of parts.
  public func contains(_ sample: DataSet.Sample) -> Bool {
    let bits = UInt64(sample.digest.prefix(16), radix: 16) ?? 0
    return bits % UInt64(count) == UInt64(index - 1)
  }
}

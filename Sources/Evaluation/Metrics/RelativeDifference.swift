/// The mean absolute relative difference of two attributions: mean |A - B| / (mean |A| + 1e-7), the
/// means over elements, in the protocol of Hesse et al., 2021 (arXiv 2111.07668), where A is Integrated
/// Gradients and B input times gradient.
public struct RelativeDifference: Sendable, Codable, Hashable {
  /// How many pictures were compared.
  public let count: Int
  /// The mean over pictures, each by itself.
  public let perPicture: Double
  /// The mean over batches of 16 pictures, each batch one tensor: the figure of the paper, which
  /// depends on the batch size.
  public let perBatch: Double

  /// Pictures per batch in the paper's protocol.
  package static let batchSize = 16

  /// The difference between maps of the same pictures.
  ///
  /// - Precondition: there are as many maps of each kind, and at least one.
  package init(of maps: [[Double]], from references: [[Double]]) {
    precondition(maps.count == references.count && !maps.isEmpty, "maps differ")
    let pairs = Array(zip(maps, references))
    let batches = stride(from: 0, to: pairs.count, by: Self.batchSize).map {
      Self.ratio(pairs[$0..<min($0 + Self.batchSize, pairs.count)])
    }
    count = pairs.count
    perPicture = pairs.reduce(0) { $0 + Self.ratio([$1]) } / Double(pairs.count)
    perBatch = batches.reduce(0, +) / Double(batches.count)
  }

  private static func ratio(_ pairs: some Sequence<([Double], [Double])>) -> Double {
    var parts = DifferenceParts()
    for (map, reference) in pairs { parts.add(map, from: reference) }
    return parts.ratio
  }
}

/// The sums that a mean absolute relative difference is made from.
package struct DifferenceParts: Sendable {
  private var difference = 0.0
  private var size = 0.0
  private var count = 0.0

  /// The sums over no element.
  package init() {}

  /// The sums that `numbers` gave; nil for other numbers.
  package init?(_ numbers: [Double]) {
    guard numbers.count == 3 else { return nil }
    (difference, size, count) = (numbers[0], numbers[1], numbers[2])
  }

  /// The sums as numbers.
  package var numbers: [Double] { [difference, size, count] }

  /// Takes in a map and the one that it is compared with.
  package mutating func add(_ map: [Double], from reference: [Double]) {
    for (a, b) in zip(map, reference) {
      difference += abs(a - b)
      size += abs(b)
    }
    count += Double(reference.count)
  }

  /// Takes in other sums.
  package mutating func add(_ other: DifferenceParts) {
    difference += other.difference
    size += other.size
    count += other.count
  }

  /// mean |A - B| / (mean |A| + 1e-7).
  package var ratio: Double {
    count > 0 ? (difference / count) / (size / count + 1e-7) : 0
  }

  /// The ratio in percent, as the paper prints it.
  package var percentage: Double { 100 * ratio }
}

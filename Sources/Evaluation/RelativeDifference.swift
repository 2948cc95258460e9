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
    var (difference, size, count) = (0.0, 0.0, 0.0)
    for (map, reference) in pairs {
      for (a, b) in zip(map, reference) {
        difference += abs(a - b)
        size += abs(b)
      }
      count += Double(reference.count)
    }
    return count > 0 ? (difference / count) / (size / count + 1e-7) : 0
  }
}

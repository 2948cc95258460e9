/// How far the scores of one model are those of another, on the same samples.
public struct Agreement: Sendable, Codable, Hashable {
  /// How many samples were compared.
  public let count: Int
  /// The share of samples for which both have the same best class.
  public let top1: Double
  /// The share of samples for which the best class of the first is among the five best of the second.
  public let top5: Double
  /// The mean cosine between the two rows of scores.
  public let cosine: Double

  /// Compares rows of scores, one row per sample; rows of `other` are judged by those of `scores`.
  ///
  /// - Precondition: both have as many rows, and at least one.
  package init(of other: [[Double]], with scores: [[Double]]) {
    precondition(other.count == scores.count && !scores.isEmpty, "rows differ")
    let pairs = zip(scores, other)
    let count = Double(scores.count)
    self.count = scores.count
    self.top1 = Double(pairs.count { Self.rank(of: $0.best, in: $1) < 1 }) / count
    self.top5 = Double(pairs.count { Self.rank(of: $0.best, in: $1) < 5 }) / count
    self.cosine = pairs.reduce(0) { $0 + Self.cosine($1.0, $1.1) } / count
  }

  /// The place of a class when classes are ordered by falling score, the earlier of equals first; the
  /// number of classes if its score is no number.
  static func rank(of index: Int, in scores: [Double]) -> Int {
    guard scores.indices.contains(index), !scores[index].isNaN else { return scores.count }
    return scores.indices.count {
      scores[$0] > scores[index] || scores[$0] == scores[index] && $0 < index
    }
  }

  private static func cosine(_ a: [Double], _ b: [Double]) -> Double {
    let product = zip(a, b).reduce(0) { $0 + $1.0 * $1.1 }
    let norms = (a.reduce(0) { $0 + $1 * $1 } * b.reduce(0) { $0 + $1 * $1 }).squareRoot()
    return norms > 0 ? product / norms : 0
  }
}

/// The share of samples that a model classifies rightly.
public struct Accuracy: Sendable, Codable, Hashable {
  /// How many samples have a label.
  public let count: Int
  /// The share whose label has the best score.
  public let top1: Double
  /// The share whose label is among the five best.
  public let top5: Double

  /// The accuracy of rows of scores; nil if no sample has a label.
  package init?(of scores: [[Double]], labels: [Int?]) {
    let ranks = zip(scores, labels).compactMap { row, label in
      label.map { Agreement.rank(of: $0, in: row) }
    }
    guard !ranks.isEmpty else { return nil }
    count = ranks.count
    top1 = Double(ranks.count { $0 < 1 }) / Double(ranks.count)
    top5 = Double(ranks.count { $0 < 5 }) / Double(ranks.count)
  }
}

extension [Double] {
  /// The index of the greatest, the first of equals; 0 if there is none.
  package var best: Int {
    indices.max { self[$0] < self[$1] || self[$0] == self[$1] && $0 > $1 } ?? 0
  }
}

import Attribution
internal import Foundation
import Graphs
import Tensors

/// Streams the points of curves that let pixels appear or vanish, and hands over the results.
struct MaskingCurves {
  let layout: PixelLayout
  let point: Tensor
  /// What the sample has in the place of inputs that are held.
  let others: ModelFunction.Others
  let target: Int
  let stream: ScoreStream

  /// One of the metrics of Hesse et al. (2021): a score, or how often the class is right in percent,
  /// over the shares of pixels that are kept.
  func mask(
    _ metric: Metric, _ ranking: PixelRanking, on background: Tensor,
    _ receive: @escaping (_ curve: [Double]) -> Void
  ) throws(ModelError) {
    let pixels: [Int32] =
      switch metric {
      case .keepPositive: ranking.positive
      case .keepNegative: ranking.negative
      case .keepAbsolute: ranking.absolute
      case .removePositive: ranking.positive.reversed()
      case .removeNegative: ranking.negative.reversed()
      default: ranking.absolute.reversed()
      }
    let countsHits = metric == .keepAbsolute || metric == .removeAbsolute
    let target = target
    try reveal(
      point, on: background, pixels,
      counts: Curve.maskShares.map { min(Int($0 * Double(layout.count)), pixels.count) },
      score: { countsHits ? ($0.best == target ? 100 : 0) : $0[target] }, receive)
  }

  /// The target's probability as pixels appear on a blurred picture, or vanish, the greatest first
  /// (Petsiuk et al., 2018, arXiv 1806.07421).
  func insert(
    _ ranking: PixelRanking, on background: Tensor, vanishing: Bool,
    _ receive: @escaping (_ curve: [Double]) -> Void
  ) throws(ModelError) {
    let (target, givesProbabilities) = (target, stream.givesProbabilities)
    let (source, start) = vanishing ? (background, point) : (point, background)
    let pixels = ranking.signed
    try reveal(
      source, on: start, pixels,
      counts: Curve.insertionShares.map { Int($0 * Double(layout.count)) },
      score: { givesProbabilities ? $0[target] : $0.probability(of: target) }, receive)
  }

  private func reveal(
    _ source: Tensor, on background: Tensor, _ pixels: [Int32], counts: [Int],
    score: @escaping ([Double]) -> Double, _ receive: @escaping ([Double]) -> Void
  ) throws(ModelError) {
    var picture = Unmasking(of: source, on: background, layout)
    let curve = Collector(count: counts.count, receive)
    var shown = 0
    for count in counts {
      picture.reveal(pixels[shown..<count])
      shown = count
      try stream.add(picture.tensor, beside: others) { curve.add(score($0)) }
    }
  }
}

/// Gathers numbers that come one by one, in order.
final class Collector {
  private let count: Int
  private let receive: ([Double]) -> Void
  private var values: [Double] = []

  init(count: Int, _ receive: @escaping ([Double]) -> Void) {
    self.count = count
    self.receive = receive
  }

  func add(_ value: Double) {
    values.append(value)
    if values.count == count { receive(values) }
  }
}

/// The mean of curves that come one by one.
final class MeanCurve {
  private let count: Int
  private let receive: ([Double]) -> Void
  private var sum: [Double] = []
  private var known = 0

  init(count: Int, _ receive: @escaping ([Double]) -> Void) {
    self.count = count
    self.receive = receive
  }

  func add(_ curve: [Double]) {
    sum = sum.isEmpty ? curve : zip(sum, curve).map { $0 + $1 }
    known += 1
    if known == count { receive(sum.map { $0 / Double(count) }) }
  }
}

extension [Double] {
  /// The softmax of these scores at one place.
  func probability(of index: Int) -> Double {
    let greatest = self.max() ?? 0
    let sum = reduce(0) { $0 + exp($1 - greatest) }
    return exp(self[index] - greatest) / sum
  }
}

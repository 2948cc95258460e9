import Attribution
import Graphs
import Tensors

/// One map of one sample and the metrics that judge it.
struct MapJudgement {
  /// Takes a result, and the curve that it sums up.
  typealias Receiver = (_ result: String, _ value: Double, _ curve: [Double]?) -> Void

  let map: Tensor
  let method: Method
  let point: ExplainedPoint
  let input: PreparedSample.Input
  let score: Double
  let baselineScore: Double?
  let pixels: PixelLayout?
  let stream: ScoreStream
  let settings: EvaluationSettings

  /// Hands over the results of all metrics, now or when the stream has scored their points.
  ///
  /// - Parameters:
  ///   - first: the map that others are compared with.
  ///   - isFirst: whether that is this one.
  func judge(first: Tensor?, isFirst: Bool, _ receive: @escaping Receiver) throws(ModelError) {
    if settings.metrics.contains(.difference), let first, !isFirst {
      var parts = DifferenceParts()
      parts.add(map.doubles, from: first.doubles)
      receive("difference", parts.percentage, parts.numbers)
    }
    if settings.metrics.contains(.completeness), let error = completenessError {
      receive("completeness", error, nil)
    }
    if settings.metrics.contains(.gini) {
      if let index = giniIndex(pixels?.magnitudes(map) ?? map.doubles) {
        receive("gini", index, nil)
      }
    }
    if settings.metrics.contains(.infidelity) { try infidelity(receive) }
    guard let pixels else { return }
    try judgePixels(pixels, receive)
  }

  private func judgePixels(
    _ pixels: PixelLayout, _ receive: @escaping Receiver
  ) throws(ModelError) {
    if let mask = input.mask, mask.count == pixels.count, mask.contains(true),
      let found = Localization(pixels.magnitudes(map), mask: mask)
    {
      if settings.metrics.contains(.pointing) { receive("pointing", found.pointing, nil) }
      if settings.metrics.contains(.relevanceMass) { receive("relevance-mass", found.mass, nil) }
    }
    let masking = settings.metrics.filter { $0.masksPixels || $0.insertsPixels }
    guard !masking.isEmpty else { return }
    let ranking = PixelRanking(pixels.means(map))
    let curves = MaskingCurves(
      layout: pixels, point: input.point, others: point.others, target: point.target, stream: stream
    )
    for metric in masking {
      let backgrounds = backgrounds(for: metric)
      let positions = metric.insertsPixels ? Curve.insertionShares : Curve.maskShares
      let mean = MeanCurve(count: backgrounds.count) { curve in
        receive(metric.rawValue, Curve.area(curve, over: positions), curve)
      }
      for background in backgrounds {
        if metric.insertsPixels {
          try curves.insert(ranking, on: background, vanishing: metric == .deletion, mean.add)
        } else {
          try curves.mask(metric, ranking, on: background, mean.add)
        }
      }
    }
  }

  /// What stands where pixels are hidden: one picture, or each of the baselines of a layer.
  private func backgrounds(for metric: Metric) -> [Tensor] {
    guard !settings.explainsLayer else { return input.baselines }
    switch metric {
    case .deletion: return [input.point.zeros()]
    case .insertion: return [input.softBackground].compactMap(\.self)
    default: return [input.background].compactMap(\.self)
    }
  }

  /// How far the sum of the map is from the difference of the scores, relative to that; nil for methods
  /// that promise nothing.
  private var completenessError: Double? {
    guard let baselineScore else { return nil }
    let expected = score - baselineScore
    let error = abs(map.doubles.reduce(0, +) - expected)
    return error == 0 ? 0 : expected == 0 ? nil : error / abs(expected)
  }

  /// Parts of the input that are replaced by the baseline, one after the other.
  private static let removals = 16

  /// The mean squared error of what a map says that the removal of a part costs, against what it costs
  /// (Yeh et al., 2019, arXiv 1901.09392, with square removals): 16 squares of a quarter of the shorter
  /// side anywhere in the picture; a quarter of the elements where the input is no picture, of the places
  /// where it is a layer. Baselines take turns.
  private func infidelity(_ receive: @escaping Receiver) throws(ModelError) {
    var noise = SampleNoise(seed: settings.seed, digest: point.digest, purpose: "infidelity")
    let (x, values) = (input.point.doubles, map.doubles)
    let starts = point.baselines.map(\.doubles)
    let collector = Collector(count: Self.removals) { errors in
      receive("infidelity", errors.reduce(0, +) / Double(errors.count), nil)
    }
    for number in 0..<Self.removals {
      let start = starts[number % starts.count]
      var rest = x
      var foreseen = 0.0
      for index in removal(&noise, count: x.count) {
        foreseen +=
          method.rule.isInUnitsOfScore ? values[index] : values[index] * (x[index] - start[index])
        rest[index] = start[index]
      }
      let (score, target) = (score, point.target)
      let reduced = Tensor(rest, shape: input.point.shape).converted(to: input.point.elementType)
      try stream.add(reduced, beside: point.others) { scores in
        let error = foreseen - (score - scores[target])
        collector.add(error * error)
      }
    }
  }

  private func removal(_ noise: inout SampleNoise, count: Int) -> [Int] {
    guard let pixels else { return (0..<count).filter { _ in noise.uniform() < 0.25 } }
    guard !settings.explainsLayer else {
      let places = (0..<pixels.count).filter { _ in noise.uniform() < 0.25 }
      return places.flatMap(pixels.elements)
    }
    let side = max(1, min(pixels.height, pixels.width) / 4)
    let top = noise.below(pixels.height - side + 1)
    let left = noise.below(pixels.width - side + 1)
    return (top..<(top + side)).flatMap { row in
      (left..<(left + side)).flatMap { pixels.elements(of: row * pixels.width + $0) }
    }
  }
}

extension Metric {
  /// Whether it shows parts of a picture on a blurred one.
  package var masksPixels: Bool {
    switch self {
    case .keepPositive, .keepNegative, .keepAbsolute, .removeAbsolute, .removePositive,
      .removeNegative:
      true
    default: false
    }
  }

  /// Whether pixels appear or vanish one after the other.
  package var insertsPixels: Bool { self == .insertion || self == .deletion }
}

import Attribution
import Evaluation
import Foundation
import Graphs
import Kernels
import ONNXFormat
public import Rewrites
import Tensors

/// How a stripped model gets weights that do what its biases did.
public struct CalibrationSettings: Sendable {
  /// Absorption or reconstruction; nil to do both and keep the one that agrees better with the original.
  public var method: CalibrationMethod?
  /// What the sample of patches depends on.
  public var seed: UInt64 = 0
  /// Pictures for which input times gradient is compared with Integrated Gradients.
  public var comparedMaps = 16
  /// A folder for the weights of finished layers, so that an interrupted run can go on.
  public var storeFolder: String?
  /// Whether to go on with an interrupted run.
  public var resumes = false

  /// The defaults of the command line.
  public init() {}
}

extension Conversion {
  /// Told of a stage of the work and the share of it that is done; what it throws ends the work.
  public typealias Progress = (_ stage: String, _ share: Double) throws -> Void

  /// The converted model beside its original, on pictures.
  ///
  /// - Parameter comparedMaps: pictures whose input times gradient is compared with Integrated Gradients.
  /// - Throws: `ModelError` if a node fails; what `progress` throws.
  public func measured(
    on data: SampleFolder, comparedMaps: Int = CalibrationSettings().comparedMaps,
    progress: Progress = { _, _ in }
  ) throws -> Conversion {
    try telling {
      var comparison = try Comparison(original.graph, data, Array(0..<data.count), progress)
      try comparison.add("stripped", model.graph, progress)
      return with(
        model, report.calibration, try comparison.measurement(comparing: comparedMaps, progress))
    }
  }

  /// The converted model with weights fitted to pictures, measured on pictures that it was not fitted
  /// to: those of `data`, or else every fifth of `samples`.
  ///
  /// - Throws: `ModelError` if there are too few pictures, a node fails or the weights of finished
  ///   layers cannot be kept; what `progress` throws.
  public func calibrated(
    on samples: SampleFolder, judgedOn data: SampleFolder? = nil, rule: PictureRule,
    _ settings: CalibrationSettings = CalibrationSettings(),
    progress: @escaping Progress = { _, _ in }
  ) throws -> Conversion {
    try telling {
      let isHeldOut = { (place: Int) in
        data == nil && place % 5 == min(samples.count, 5) - 1
      }
      let places = (0..<samples.count).filter { !isHeldOut($0) }
      guard !places.isEmpty else {
        throw ModelError(
          "two pictures are needed at least, one of them to judge by; or give --data",
          file: samples.path)
      }
      let store = try settings.storeFolder.map {
        try CalibrationStore(
          $0, for: calibrationProtocol(samples, places, rule, settings), resumes: settings.resumes)
      }
      let held =
        data.map { ($0, Array(0..<$0.count)) }
        ?? (samples, (0..<samples.count).filter(isHeldOut))
      var comparison = try Comparison(original.graph, held.0, held.1, progress)
      try comparison.add("stripped", model.graph, progress)
      var results: [CalibrationMethod: FittedModel] = [:]
      for method in settings.method.map({ [$0] }) ?? CalibrationMethod.allCases {
        let result = try calibration(
          method, samples, places, hasBatches: comparison.hasBatches, settings, store, progress)
        try comparison.add(method.rawValue, result.graph, progress)
        results[method] = result
      }
      let best = comparison.best(of: results.keys.map(\.rawValue))
      guard let method = best.flatMap(CalibrationMethod.init), let result = results[method] else {
        throw ModelError("no method was run", kind: .fault)
      }
      let report = CalibrationReport(
        method: method.rawValue, data: samples.path, pictures: places.count, seed: settings.seed,
        skipped: samples.skipped, layers: result.layers)
      return with(
        original.with(result.graph), report,
        try comparison.measurement(comparing: settings.comparedMaps, progress))
    }
  }

  private func calibration(
    _ method: CalibrationMethod, _ samples: SampleFolder, _ places: [Int],
    hasBatches: Bool, _ settings: CalibrationSettings, _ store: CalibrationStore?,
    _ progress: @escaping Progress
  ) throws -> FittedModel {
    var options = CalibrationOptions(method)
    options.seed = settings.seed
    if let extent = original.inputs.first?.dimensions?.first ?? nil, extent > 1 {
      options.batchSize = extent
      options.isBatchFixed = true
    } else if !hasBatches {
      options.batchSize = 1
    }
    let earlier = store?.finished(method) ?? (layers: [], weights: [:])
    var count = earlier.layers.count
    let result = try model.graph.calibrated(
      as: reference,
      on: { body in for place in places { try body(samples.rows([place])) } },
      options, known: earlier.weights,
      progress: { try progress("calibrating by \(method.rawValue)", $0.share) },
      finished: { layer, weights in
        try store?.save(layer, weights, count, method)
        count += 1
      })
    return FittedModel(graph: result.graph, layers: earlier.layers + result.layers)
  }

  private func calibrationProtocol(
    _ samples: SampleFolder, _ places: [Int], _ rule: PictureRule, _ settings: CalibrationSettings
  ) -> CalibrationProtocol {
    CalibrationProtocol(
      modelSHA256: report.modelSHA256, pictures: places.map { samples.paths[$0] },
      contents: Digest.sha256(of: samples.tensor), preprocess: rule.name,
      alsoStripped: options.alsoStripped.sorted(),
      replacesBreakers: options.replacesBreakers, seed: settings.seed, version: version)
  }

  private func telling(_ work: () throws -> Conversion) throws -> Conversion {
    do {
      return try work()
    } catch let error as ModelError {
      throw error.inFile(original.url.relativePath)
    }
  }
}

/// What one method made of a stripped model.
private struct FittedModel {
  let graph: Graph
  let layers: [CalibratedLayer]
}

/// The original and what became of it, on the same pictures.
private struct Comparison {
  private let data: SampleFolder
  private let places: [Int]
  private var entries: [(name: String, model: ModelMeasurement, scores: [[Double]])] = []

  init(
    _ original: Graph, _ data: SampleFolder, _ places: [Int], _ progress: Conversion.Progress
  ) throws {
    (self.data, self.places) = (data, places)
    try add("original", original, progress)
  }

  mutating func add(_ name: String, _ graph: Graph, _ progress: Conversion.Progress) throws {
    let model = try ModelMeasurement(graph, on: data, at: places)
    let scores = try model.scores { try progress("scoring the \(name) model", $0) }
    entries.append((name, model, scores))
  }

  /// Whether the original takes several pictures at once and treats each alike.
  var hasBatches: Bool { entries.first?.model.hasBatches ?? false }

  /// The name whose scores agree best with the original's.
  func best(of names: [String]) -> String? {
    let candidates = entries.filter { names.contains($0.name) }.map {
      ($0.name, Agreement(of: $0.scores, with: entries[0].scores))
    }
    return candidates.max { ($0.1.top1, $0.1.cosine) < ($1.1.top1, $1.1.cosine) }?.0
  }

  /// The figures; maps of the original, the stripped and the best model are compared on `count`
  /// pictures.
  func measurement(
    comparing count: Int, _ progress: Conversion.Progress
  ) throws -> ConversionMeasurement {
    let labels = places.map { data.labels[$0] }
    let best = best(of: entries.dropFirst().map(\.name))
    let variants = try entries.map { entry in
      let isCompared = entry.name == "original" || entry.name == best
      return ConversionMeasurement.Variant(
        name: entry.name, agreement: Agreement(of: entry.scores, with: entries[0].scores),
        accuracy: Accuracy(of: entry.scores, labels: labels),
        difference: isCompared
          ? try entry.model.difference(entry.scores, first: count) {
            try progress("comparing maps of the \(entry.name) model", $0)
          } : nil)
    }
    return ConversionMeasurement(
      data: data.path, pictures: places.count, skipped: data.skipped, variants: variants)
  }
}

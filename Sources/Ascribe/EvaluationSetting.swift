import Attribution
import Evaluation
import Foundation
import Graphs
import Kernels
import Tensors

/// Models, data, methods and metrics that go together.
struct EvaluationSetting {
  let dataSet: DataSet
  let preparation: SamplePreparation
  let evaluators: [ModelEvaluator]
  let evaluation: EvaluationProtocol
  let notes: [String]

  init(
    _ models: [Model], _ data: String, labels: String?, preprocessing: String?,
    _ options: EvaluationOptions, _ progress: (Double) throws -> Void
  ) throws {
    guard let model = models.first else {
      throw ModelError("there is no model", kind: .usage)
    }
    let labels = try model.labels(labels)
    let dataSet = try DataSet(
      path: data, labels: labels, scores: model.scoreCount, progress: progress)
    var options = options
    let evaluated = try Self.evaluated(models, preprocessing, options.metrics ?? [])
    let (metrics, omitted) = Self.metrics(options, dataSet, evaluated)
    options.metrics = metrics
    let explainsLabel = options.target.map { $0 == .label } ?? dataSet.isLabelled
    try Self.requireLabels(dataSet, metrics, explainsLabel)
    let masks = try Self.masks(dataSet, options)
    let reader = SampleReader(dataSet: dataSet, models: evaluated, masks: masks)
    let first = try Self.firstPoints(dataSet, reader)
    let settings = EvaluationSettings(
      methods: options.methods, metrics: metrics, seed: options.seed,
      explainsLabel: explainsLabel, hasZeroBaseline: options.baseline == .zero,
      labels: dataSet.samples.map(\.label))
    var evaluators: [ModelEvaluator] = []
    var entries: [EvaluationProtocol.Model] = []
    for (number, model) in evaluated.enumerated() {
      let (evaluator, batch) = try model.evaluator(number, first[number], settings, options)
      if let highest = dataSet.highestLabel, highest >= (try evaluator.scoreCount()) {
        throw ModelError(
          "the data set has a class \(highest), model '\(model.name)' gives "
            + "\(try evaluator.scoreCount()) scores", file: data)
      }
      let without = options.methods.indices.filter { !evaluator.methodNumbers.contains($0) }
      evaluators.append(evaluator)
      entries.append(
        .init(
          name: model.name, sha256: model.model.sha256(),
          preprocessing: model.port.isPicture ? model.rule.preprocessing : nil, batch: batch,
          without: without.map { options.methods[$0].description }))
    }
    try Self.requireUse(of: options.methods, entries)
    self.dataSet = dataSet
    self.evaluators = evaluators
    evaluation = EvaluationProtocol(
      version: version, data: .init(dataSet, masks: masks?.digest), models: entries,
      methods: options.methods.map(\.description), metrics: metrics,
      target: explainsLabel ? "label" : "argmax", space: options.space.description,
      baseline: try Self.description(of: options.baseline),
      precision: model.precision.rawValue, seed: options.seed)
    preparation = SamplePreparation(
      dataSet: dataSet, read: { try reader.read($0, withMasks: $1) }, shapes: first.map(\.shape),
      channelAxes: evaluated.map(\.channelAxis),
      masksPixels: metrics.contains(where: \.masksPixels),
      insertsPixels: metrics.contains(.insertion),
      references: options.methods.map(\.references).max() ?? 0, seed: options.seed)
    notes = Self.notes(evaluated, entries) + omitted
  }

  private static func evaluated(
    _ models: [Model], _ preprocessing: String?, _ metrics: [Metric]
  ) throws -> [EvaluatedModel] {
    var evaluated: [EvaluatedModel] = []
    for model in models {
      guard let port = model.inputs.first, model.inputs.count == 1 else {
        throw ModelError(
          "a model of \(model.inputs.count) inputs cannot be evaluated, only one of a single input",
          kind: .usage, file: model.url.relativePath)
      }
      guard port.elementType?.isFloatingPoint == true else {
        throw ModelError(
          "input '\(port.name)' takes \(port.typeDescription), which has no gradient; only models "
            + "of floating-point inputs can be evaluated", kind: .usage,
          file: model.url.relativePath)
      }
      if let metric = metrics.first(where: \.needsPictures), !port.isPicture {
        throw ModelError(
          "metric '\(metric.rawValue)' is one of pictures, input '\(port.name)' takes "
            + port.typeDescription, kind: .usage, file: model.url.relativePath)
      }
      evaluated.append(
        EvaluatedModel(
          model: model, name: ModelInput.stem(of: model.url.relativePath), port: port,
          rule: try model.pictureRule(preprocessing)))
    }
    var seen: Set<String> = []
    for model in evaluated where !seen.insert(model.name).inserted {
      throw ModelError(
        "two models are named '\(model.name)'; results are kept by name, so rename a file",
        kind: .usage)
    }
    return evaluated
  }

  /// What is measured, and what is said about metrics that are left out.
  private static func metrics(
    _ options: EvaluationOptions, _ dataSet: DataSet, _ models: [EvaluatedModel]
  ) -> (metrics: [Metric], notes: [String]) {
    if let metrics = options.metrics { return (metrics, []) }
    let takesPictures = models.allSatisfy(\.port.isPicture)
    let metrics = Metric.paper.filter {
      (dataSet.isLabelled || !$0.needsLabels) && (takesPictures || !$0.needsPictures)
        && ($0 != .difference || options.methods.count > 1)
    }
    let omitted = Metric.paper.filter { !metrics.contains($0) }
    return (
      metrics,
      omitted.map { metric in
        "\(metric.rawValue) left out: "
          + (metric.needsLabels
            ? "the samples have no labels"
            : metric == .difference ? "there is one method only" : "the model takes no pictures")
      }
    )
  }

  private static func requireLabels(
    _ dataSet: DataSet, _ metrics: [Metric], _ explainsLabel: Bool
  ) throws(ModelError) {
    guard !dataSet.isLabelled else { return }
    let advice =
      switch dataSet.kind {
      case .array: "save them beside it as NAME.labels.npy"
      case .lines: "begin each line with a label and a tab"
      default: "put the pictures into one folder a class, or list their labels in labels.csv"
      }
    if let metric = metrics.first(where: \.needsLabels) {
      throw ModelError(
        "metric '\(metric.rawValue)' needs labels, and the samples have none; \(advice)",
        kind: .usage, file: dataSet.path)
    }
    if explainsLabel {
      throw ModelError(
        "--target label needs labels, and the samples have none; \(advice)", kind: .usage,
        file: dataSet.path)
    }
  }

  private static func masks(
    _ dataSet: DataSet, _ options: EvaluationOptions
  ) throws(ModelError) -> MaskFolder? {
    guard let folder = options.masks else {
      if let metric = options.metrics?.first(where: \.needsMasks) {
        throw ModelError(
          "metric '\(metric.rawValue)' needs masks of the objects; name their folder with --masks",
          kind: .usage)
      }
      return nil
    }
    guard FileManager.default.fileExists(atPath: folder) else {
      throw ModelError("there is no such folder", kind: .noInput, file: folder)
    }
    return try MaskFolder(folder, of: dataSet)
  }

  /// The first sample that can be read, which says how large others must be.
  private static func firstPoints(
    _ dataSet: DataSet, _ reader: SampleReader
  ) throws -> [Tensor] {
    var failure: (any Error)?
    for sample in dataSet.samples {
      do {
        return try reader.read(sample, withMasks: false).points.map {
          $0.rows(0..<min(1, $0.shape.first ?? 1))
        }
      } catch {
        failure = failure ?? error
      }
    }
    let reason = (failure as? ModelError).map { ", such as \($0)" } ?? ""
    throw ModelError(
      "none of the \(dataSet.samples.count) samples can be read\(reason)", file: dataSet.path)
  }

  private static func requireUse(
    of methods: [Method], _ models: [EvaluationProtocol.Model]
  ) throws(ModelError) {
    for method in methods.map(\.description)
    where models.allSatisfy({ $0.without.contains(method) }) {
      throw ModelError(
        "method '\(method)' needs a homogeneous model and the zero baseline; inspect says what "
          + "keeps a model from being homogeneous, strip-biases makes one", kind: .usage)
    }
  }

  private static func description(of baseline: Baseline) throws(ModelError) -> String {
    guard case .file(let path) = baseline else { return baseline.description }
    guard let bytes = FileManager.default.contents(atPath: path) else {
      throw ModelError("there is no such file", kind: .noInput, file: path)
    }
    return bytes.withUnsafeBytes(Digest.sha256)
  }

  private static func notes(
    _ models: [EvaluatedModel], _ entries: [EvaluationProtocol.Model]
  ) -> [String] {
    var notes: [String] = []
    for model in models where model.rule.isGuess && model.port.isPicture {
      notes.append(
        "pictures for '\(model.name)' are preprocessed as '\(model.rule.name)'; --preprocess says "
          + "otherwise")
    }
    for entry in entries where !entry.without.isEmpty {
      notes.append(
        "\(entry.without.joined(separator: ", ")) left out for '\(entry.name)', which is not "
          + "homogeneous")
    }
    return notes
  }
}

extension EvaluatedModel {
  /// The axis of the channels in a batch of pictures.
  fileprivate var channelAxis: Int? {
    port.isPicture ? (port.hasChannelsLast ? 3 : 1) : nil
  }

  /// The model at work on samples like this one, and how many run together.
  fileprivate func evaluator(
    _ number: Int, _ first: Tensor, _ settings: EvaluationSettings, _ options: EvaluationOptions
  ) throws -> (ModelEvaluator, batch: Int) {
    do {
      let workspace = Workspace()
      let function = try ModelFunction(
        model.graph, explaining: 0, shape: first.shape, space: options.space,
        precision: model.precision, batching: .padded, in: workspace)
      try function.makeRowsExact()
      let pixels =
        port.isPicture
        ? PixelLayout(Shape(Array(first.shape.dropFirst())), isChannelsLast: port.hasChannelsLast)
        : nil
      let input = ModelInput(
        stem: name, path: model.url.relativePath, tensor: first, picture: nil,
        preprocessing: rule.isGuess ? nil : rule.preprocessing)
      let baseline = try model.baseline(options.baseline, for: input, port: port, rule: rule)
      let evaluator = try ModelEvaluator(
        name: name, number: number, function: function, workspace: workspace, pixels: pixels,
        settings: settings, baseline: baseline)
      return (evaluator, function.batchSize)
    } catch let error as ModelError {
      throw error.inFile(model.url.relativePath)
    }
  }
}

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
    let path = labels
    let found = try model.labels(path)
    let labels = found.names
    let dataSet = try DataSet(
      path: data, labels: labels, scores: model.scoreCount, progress: progress)
    var options = options
    let evaluated = try Self.evaluated(
      models, preprocessing, samples: dataSet.samples.count, options)
    let readsPictures = Self.readsPictures(dataSet, options)
    guard preprocessing == nil || readsPictures else {
      throw ModelError(
        "--preprocess says how pictures become numbers, and no sample or baseline is a picture; leave "
          + "it out", kind: .usage)
    }
    let (metrics, omitted) = Self.metrics(options, dataSet, evaluated)
    options.metrics = metrics
    let explainsLabel = options.target.map { $0 == .label } ?? dataSet.isLabelled
    try Self.requireLabels(dataSet, metrics, explainsLabel)
    let masks = try Self.masks(dataSet, options)
    let reader = SampleReader(dataSet: dataSet, models: evaluated, masks: masks)
    let first = try Self.firstPoints(dataSet, reader)
    let settings = EvaluationSettings(
      methods: options.methods, metrics: metrics, seed: options.seed,
      explainsLabel: explainsLabel, hasZeroBaseline: options.baselines == [.zero],
      explainsLayer: options.layer != nil, labels: dataSet.samples.map(\.label))
    var evaluators: [ModelEvaluator] = []
    var entries: [EvaluationProtocol.Model] = []
    for (number, model) in evaluated.enumerated() {
      let (evaluator, batch) = try model.evaluator(
        number, first[number], of: dataSet, settings, options)
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
          preprocessing: readsPictures && model.port.isPicture ? model.rule.preprocessing : nil,
          inputs: model.fingerprints, batch: batch,
          without: without.map { options.methods[$0].description },
          quadrature: evaluator.usualRule(of: options.methods)))
    }
    if dataSet.isLabelled { try Self.requireSameClasses(models, labels, hasFile: path != nil) }
    try Self.requireUse(of: options.methods, entries)
    self.dataSet = dataSet
    self.evaluators = evaluators
    evaluation = EvaluationProtocol(
      version: version, data: .init(dataSet, masks: masks?.digest), models: entries,
      methods: options.methods.map(\.description), metrics: metrics,
      target: explainsLabel ? "label" : "argmax", space: options.space.description,
      baseline: try options.baselines.map { try $0.fingerprint() }.joined(separator: ","),
      layer: options.layer, precision: model.precision.rawValue, seed: options.seed)
    preparation = SamplePreparation(
      dataSet: dataSet, read: { try reader.read($0, withMasks: $1) },
      readOthers: { try reader.others(of: $0) }, shapes: first.map(\.shape),
      channelAxes: evaluated.map(\.channelAxis),
      baselines: try zip(evaluated, first).map { try $0.baselines(options.baselines, like: $1) },
      readsBaselines: settings.readsBaselines,
      drawsFromBaselines: options.baselines.count > 1 || options.baselines[0].isFile,
      masksPixels: options.layer == nil && metrics.contains(where: \.masksPixels),
      insertsPixels: options.layer == nil && metrics.contains(.insertion),
      references: options.methods.map(\.references).max() ?? 0, seed: options.seed)
    notes = [found.note].compactMap(\.self) + Self.notes(dataSet, evaluated, entries) + omitted
  }

  /// Whether samples or baselines are pictures, so that a preprocessing has an influence on results.
  private static func readsPictures(_ dataSet: DataSet, _ options: EvaluationOptions) -> Bool {
    options.baselines.contains(where: \.readsPixels)
      || ![.array, .lines].contains(dataSet.kind)
        && dataSet.samples.contains { ModelInput.isPicture($0.name) }
  }

  private static func evaluated(
    _ models: [Model], _ preprocessing: String?, samples: Int, _ options: EvaluationOptions
  ) throws -> [EvaluatedModel] {
    try EvaluatedModel.requireInputs(options.inputs.keys.sorted(), among: models)
    var evaluated: [EvaluatedModel] = []
    for model in models {
      let index = try model.sampleInput(beside: options.inputs)
      let port = model.inputs[index]
      if options.layer == nil { try model.requireMaps(ofInput: index, options.space) }
      guard preprocessing == nil || port.isPicture || port.dimensions == nil else {
        throw ModelError(
          "--preprocess is for pictures, input '\(port.name)' takes \(port.typeDescription)",
          kind: .usage, file: model.url.relativePath)
      }
      for metric in options.metrics ?? [] { try require(metric, options, port, of: model) }
      evaluated.append(
        EvaluatedModel(
          model: model, name: ModelInput.stem(of: model.url.relativePath), index: index,
          rule: try model.pictureRule(preprocessing, for: port),
          others: try model.otherInputs(options.inputs, beside: index, samples: samples)))
    }
    var seen: Set<String> = []
    for model in evaluated where !seen.insert(model.name).inserted {
      throw ModelError(
        "two models are named '\(model.name)'; results are kept by name, so rename a file",
        kind: .usage)
    }
    return evaluated
  }

  /// Refuses a metric that means nothing for what is explained.
  private static func require(
    _ metric: Metric, _ options: EvaluationOptions, _ port: ModelPort, of model: Model
  ) throws(ModelError) {
    if options.layer != nil, !metric.isDefinedAtLayers {
      let reason =
        metric.needsMasks
        ? "compares with masks of pictures, which a layer has no pixels for"
        : "judges the model by inputs of less contrast, not a layer"
      throw ModelError(
        "metric '\(metric.rawValue)' \(reason); leave it or --layer out", kind: .usage)
    }
    if options.layer == nil, metric.needsPictures, !port.isPicture {
      throw ModelError(
        "metric '\(metric.rawValue)' is one of pictures, input '\(port.name)' takes "
          + "\(port.typeDescription); --layer NAME evaluates an inner value", kind: .usage,
        file: model.url.relativePath)
    }
  }

  /// What is measured, and what is said about metrics that are left out.
  private static func metrics(
    _ options: EvaluationOptions, _ dataSet: DataSet, _ models: [EvaluatedModel]
  ) -> (metrics: [Metric], notes: [String]) {
    if let metrics = options.metrics { return (metrics, []) }
    let hasPlaces = options.layer != nil || models.allSatisfy(\.port.isPicture)
    let metrics = Metric.paper.filter {
      (dataSet.isLabelled || !$0.needsLabels) && (hasPlaces || !$0.needsPictures)
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

  /// Refuses models for which one label means different scores.
  private static func requireSameClasses(
    _ models: [Model], _ labels: [String], hasFile: Bool
  ) throws {
    guard let first = models.first else { return }
    for model in models.dropFirst() {
      let file = model.url.relativePath
      if let count = model.scoreCount, let other = first.scoreCount, count != other {
        throw ModelError(
          "it gives \(count) scores, \(first.url.relativePath) \(other); models of other classes are "
            + "evaluated one by one", kind: .usage, file: file)
      }
      let own = hasFile ? [] : try model.labels(nil).names
      guard !own.isEmpty, !labels.isEmpty else { continue }
      for place in 0..<max(own.count, labels.count) {
        let (mine, other) = (
          place < own.count ? own[place] : "", place < labels.count ? labels[place] : ""
        )
        guard mine == other else {
          throw ModelError(
            "the labels beside it name score \(place) '\(mine)', those of \(first.url.relativePath) "
              + "'\(other)'; evaluate them one by one, or name one file with --labels",
            kind: .usage,
            file: file)
        }
      }
    }
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
    guard options.metrics?.contains(where: \.needsMasks) == true else {
      let metrics = Metric.allCases.filter(\.needsMasks).map(\.rawValue)
      throw ModelError(
        "--masks goes with the metrics \(metrics.joined(separator: ", "))", kind: .usage)
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
    if let method = methods.first(where: { $0.attributedLayer != nil }) {
      throw ModelError(
        "method '\(method)' has no map of what is evaluated; leave it out", kind: .usage)
    }
    for method in methods.map(\.description)
    where models.allSatisfy({ $0.without.contains(method) }) {
      throw ModelError(
        "method '\(method)' needs a homogeneous model and a zero baseline, at a layer too; inspect "
          + "says what keeps a model from being homogeneous, strip-biases makes one", kind: .usage)
    }
  }

  private static func notes(
    _ dataSet: DataSet, _ models: [EvaluatedModel], _ entries: [EvaluationProtocol.Model]
  ) -> [String] {
    var notes: [String] = []
    if let note = ClassNames.note(ofSorted: dataSet.sortedClasses) { notes.append(note) }
    for (model, entry) in zip(models, entries)
    where model.rule.isGuess && entry.preprocessing != nil {
      notes.append(
        "pictures for '\(model.name)' are preprocessed as '\(model.rule.name)'; --preprocess says "
          + "otherwise")
    }
    if Set(entries.compactMap(\.quadrature)).count > 1 {
      let rules = entries.map { "\($0.quadrature ?? "none") for '\($0.name)'" }
      notes.append(
        "ig takes its usual rule, which is not the same everywhere: \(rules.joined(separator: ", "))"
      )
    }
    for entry in entries where !entry.without.isEmpty {
      notes.append(
        "\(entry.without.joined(separator: ", ")) left out for '\(entry.name)', which is not "
          + "homogeneous from zero on")
    }
    return notes
  }
}

extension Model {
  /// Refuses a model whose input of the samples gets no attribution.
  fileprivate func requireMaps(
    ofInput index: Int, _ space: TargetSpace
  ) throws(ModelError) {
    do throws(ModelError) {
      try graph.requireExplainable(
        graph.inputs[index], from: try graph.scores(in: space).value, option: "--layer")
    } catch {
      throw error.inFile(url.relativePath)
    }
  }
}

extension Baseline {
  /// Whether it is a file or folder.
  fileprivate var isFile: Bool { if case .file = self { true } else { false } }
}

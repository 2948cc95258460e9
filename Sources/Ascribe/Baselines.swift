public import Attribution
import Evaluation
import Foundation
import Graphs
public import Tensors

extension Model {
  /// What makes rows to compare a row of `input` with; a folder gives one for each of its files.
  ///
  /// - Throws: as `baseline(_:for:port:rule:)`; if the folder holds no picture or tensor.
  public func baselines(
    _ baselines: [Baseline], for input: ModelInput, port: ModelPort, rule: PictureRule
  ) throws -> (names: [String], rows: @Sendable (Tensor) -> [Tensor]) {
    let parts = try baselines.flatMap { try $0.files }
    let makers = try parts.map { try baseline($0, for: input, port: port, rule: rule) }
    return (parts.map(\.description), { row in makers.map { $0(row) } })
  }

  /// What makes a row to compare a row of `input` with.
  ///
  /// - Throws: `ModelError` if the baseline needs pixels and the input is no picture, or if its file
  ///   does not fit the model.
  public func baseline(
    _ baseline: Baseline, for input: ModelInput, port: ModelPort, rule: PictureRule
  ) throws -> @Sendable (Tensor) -> Tensor {
    let channelAxis = port.channelCount.map { _ in port.hasChannelsLast ? 3 : 1 }
    switch baseline {
    case .mean, .noise, .gaussian:
      guard port.elementType?.isFloatingPoint != false else {
        throw ModelError(
          "baseline '\(baseline)' makes fractions, input '\(port.name)' takes "
            + "\(port.typeDescription); name zero or a file", kind: .usage)
      }
    default: break
    }
    switch baseline {
    case .zero: return { $0.zeros() }
    case .mean: return { $0.meanBaseline(channelAxis: channelAxis) }
    case .noise(let seed): return { $0.noiseBaseline(seed: seed) }
    case .gaussian(let seed): return { $0.gaussianBaseline(seed: seed) }
    case .black: return try color(0, baseline, input, channelAxis, rule)
    case .white: return try color(255, baseline, input, channelAxis, rule)
    case .blur:
      guard let channelAxis else {
        throw ModelError("baseline 'blur' needs a model of pictures", kind: .usage)
      }
      return { $0.blurBaseline(channelAxis: channelAxis) }
    case .file(let path):
      var isFolder: ObjCBool = false
      guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
        throw Baseline.missing(path)
      }
      guard !isFolder.boolValue else {
        throw ModelError(
          "it is a folder; one baseline is wanted here, name a file", kind: .noInput, file: path)
      }
      let reference = try self.input(contentsOf: path, for: port, rule: rule).tensor
      guard reference.shape.first == 1 else {
        throw ModelError("a baseline is one sample, not \(reference)", file: path)
      }
      guard reference.shape.dropFirst().elementsEqual(input.tensor.shape.dropFirst()) else {
        throw ModelError(
          "the baseline has shape \(reference.shape), the input \(input.tensor.shape)", file: path)
      }
      return { _ in reference }
    }
  }

  /// Pixels of one grey. A tensor's pixels are known only by the rule that made it.
  private func color(
    _ gray: UInt8, _ baseline: Baseline, _ input: ModelInput, _ channelAxis: Int?,
    _ rule: PictureRule
  ) throws(ModelError) -> @Sendable (Tensor) -> Tensor {
    guard let channelAxis else {
      throw ModelError("baseline '\(baseline)' needs a model of pictures", kind: .usage)
    }
    guard input.preprocessing != nil || !rule.isGuess else {
      throw ModelError(
        "baseline '\(baseline)' needs to know how pixels became numbers; say it with --preprocess",
        kind: .usage, file: input.path)
    }
    let values = rule.preprocessing.values(red: gray, green: gray, blue: gray).map(Double.init)
    return { $0.colorBaseline(values, channelAxis: channelAxis) }
  }
}

extension Baseline {
  /// Whether it is made of pixels, so that a preprocessing has an influence on it.
  public var readsPixels: Bool {
    switch self {
    case .black, .white: true
    case .zero, .mean, .blur, .noise, .gaussian: false
    case .file:
      ((try? files) ?? [self]).contains { file in
        if case .file(let path) = file { ModelInput.isPicture(path) } else { false }
      }
    }
  }

  /// The baselines that this one stands for: one for each file of a folder, by name; else itself.
  var files: [Baseline] {
    get throws(ModelError) {
      var isFolder: ObjCBool = false
      guard case .file(let path) = self,
        FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue
      else { return [self] }
      let files = try DataSet.sampleFiles(in: path).filter { !$0.contains("/") }
      guard !files.isEmpty else {
        throw ModelError("the folder holds no picture or tensor to compare with", file: path)
      }
      return files.map { .file("\(path)/\($0)") }
    }
  }

  /// The refusal of a name that is neither a file nor another baseline.
  fileprivate static func missing(_ path: String) -> ModelError {
    let near = Suggestion.text(for: path, among: names)
    return ModelError(
      "there is no such file" + (near.isEmpty ? ", nor a baseline of this name" : near),
      kind: .noInput, file: path)
  }

  /// What tells it from others wherever its files lie: their digest in place of names.
  ///
  /// - Throws: `ModelError` if a file cannot be read, or a folder holds nothing to compare with.
  func fingerprint() throws(ModelError) -> String {
    guard case .file = self else { return description }
    let files = try files
    let digest = Digest()
    for case .file(let path) in files {
      guard let bytes = FileManager.default.contents(atPath: path) else {
        throw Self.missing(path)
      }
      digest.update(bytes.withUnsafeBytes(Digest.sha256))
    }
    let isFolder = files.first != self
    return (isFolder ? "folder of \(files.count) " : "file ") + digest.finish()
  }
}

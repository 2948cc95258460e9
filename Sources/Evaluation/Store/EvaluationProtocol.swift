import Foundation
import Tensors

/// All that the numbers of an evaluation depend on. Numbers are comparable only if these are equal.
public struct EvaluationProtocol: Sendable, Codable, Equatable {
  /// The samples.
  public struct Data: Sendable, Codable, Equatable {
    /// How they were found.
    public let kind: DataSet.Kind
    /// How many there are.
    public let samples: Int
    /// A digest of their names, contents and labels.
    public let digest: String
    /// A digest of their masks; nil where there are none.
    public let masks: String?

    /// The data of these facts.
    public init(_ dataSet: DataSet, masks: String?) {
      kind = dataSet.kind
      samples = dataSet.samples.count
      digest = dataSet.digest
      self.masks = masks
    }
  }

  /// A model and what it is given.
  public struct Model: Sendable, Codable, Equatable {
    /// The name in results.
    public let name: String
    /// The digest of its file.
    public let sha256: String
    /// How pictures become its input; nil where samples are no pictures.
    public let preprocessing: Preprocessing?
    /// Digests of what its other inputs get, by their names; nil where it has none.
    public let inputs: [String: String]?
    /// Samples or steps that run together.
    public let batch: Int
    /// The methods of the list that are not defined for it.
    public let without: [String]
    /// The rule of Integrated Gradients where methods leave it to the model; nil where none does.
    public let quadrature: String?

    /// The model of these facts.
    public init(
      name: String, sha256: String, preprocessing: Preprocessing?, inputs: [String: String]? = nil,
      batch: Int, without: [String], quadrature: String? = nil
    ) {
      self.name = name
      self.sha256 = sha256
      self.preprocessing = preprocessing
      self.inputs = inputs
      self.batch = batch
      self.without = without
      self.quadrature = quadrature
    }
  }

  /// The version of the program.
  public var version: String
  /// The samples.
  public var data: Data
  /// The models, in the order of the command line.
  public var models: [Model]
  /// The methods, as the command line names them.
  public var methods: [String]
  /// What is measured.
  public var metrics: [Metric]
  /// Which score is explained: `label` or `argmax`.
  public var target: String
  /// Where scores are read: `logit`, `softmax` or the name of an output.
  public var space: String
  /// What inputs are compared with, separated by commas; files by their digests.
  public var baseline: String
  /// The inner value that is explained in place of the input, where one is.
  public var layer: String?
  /// The floating-point types.
  public var precision: String
  /// What random numbers depend on.
  public var seed: UInt64

  /// The protocol of these facts.
  public init(
    version: String, data: Data, models: [Model], methods: [String], metrics: [Metric],
    target: String, space: String, baseline: String, layer: String?, precision: String,
    seed: UInt64
  ) {
    self.version = version
    self.data = data
    self.models = models
    self.methods = methods
    self.metrics = metrics
    self.target = target
    self.space = space
    self.baseline = baseline
    self.layer = layer
    self.precision = precision
    self.seed = seed
  }
}

extension EvaluationProtocol {
  /// The protocol as JSON, keys sorted.
  func json() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(self), as: UTF8.self)
  }

  /// The protocol in JSON.
  init(json: String) throws {
    self = try JSONDecoder().decode(Self.self, from: Foundation.Data(json.utf8))
  }

  /// A digest of all of it.
  package func digest() throws -> String {
    Array(try json().utf8).withUnsafeBytes(Digest.sha256)
  }

  /// The first difference from another protocol, as in `steps: 128 there, 64 here`; nil where there is
  /// none.
  public func difference(from other: EvaluationProtocol) -> String? {
    func parts(_ value: EvaluationProtocol) -> [String: String] {
      guard let text = try? value.json(),
        let object = try? JSONSerialization.jsonObject(with: Foundation.Data(text.utf8))
      else { return [:] }
      var parts: [String: String] = [:]
      Self.flatten(object, "", &parts)
      return parts
    }
    let (mine, others) = (parts(self), parts(other))
    let keys = Set(mine.keys).union(others.keys).sorted()
    guard let key = keys.first(where: { mine[$0] != others[$0] }) else { return nil }
    if key == "data.digest" {
      return "\(key) is \(other.data.digest) of \(other.data.samples) samples there, "
        + "\(data.digest) of \(data.samples) here"
    }
    return "\(key) is \(others[key] ?? "nothing") there, \(mine[key] ?? "nothing") here"
  }

  private static func flatten(_ value: Any, _ path: String, _ parts: inout [String: String]) {
    switch value {
    case let object as [String: Any]:
      for (key, value) in object {
        flatten(value, path.isEmpty ? key : "\(path).\(key)", &parts)
      }
    case let array as [Any] where array.contains { $0 is [String: Any] }:
      for (index, value) in array.enumerated() { flatten(value, "\(path)[\(index)]", &parts) }
    case is NSNull: break
    case let array as [Any]: parts[path] = array.map { "\($0)" }.joined(separator: ",")
    default: parts[path] = "\(value)"
    }
  }
}

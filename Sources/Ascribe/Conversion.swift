import Attribution
public import Foundation
import Graphs
import Kernels
import ONNXFormat
import Rewrites

/// What is taken out of a model that is made bias-free.
public struct ConversionOptions: Sendable {
  /// Constants, or nodes that add them, which are stripped although they may be no biases.
  public var alsoStripped: Set<String> = []
  /// Whether nodes that are not homogeneous give way to an honest stand-in.
  public var replacesBreakers = false
  /// Whether a model that is not homogeneous then is an error.
  public var isStrict = false

  /// The defaults of the command line.
  public init() {}
}

/// A model without its biases, and what became of it (X-DNN: Hesse et al., 2021, arXiv 2111.07668).
public struct Conversion: Sendable {
  /// The model as it was.
  public let original: Model
  /// The model as it is now.
  public let model: Model
  /// What was done.
  public let report: ConversionReport

  /// The original with BatchNormalization folded: what the converted model is calibrated against.
  let reference: Graph
  let options: ConversionOptions

  /// The same conversion with another model and with figures.
  func with(
    _ model: Model, _ calibration: CalibrationReport?, _ measured: ConversionMeasurement
  ) -> Conversion {
    var report = report
    report.calibration = calibration
    report.measured = measured
    return Conversion(
      original: original, model: model, report: report, reference: reference, options: options)
  }
}

extension Model {
  /// The model without the constants that it adds, BatchNormalization folded first.
  ///
  /// If nothing else breaks homogeneity, its X-gradient is its exact Integrated Gradients.
  ///
  /// - Throws: `ModelError` if the model leaves the rank of an input open, if a name in the options is
  ///   none of a constant that is added, or if the result is not homogeneous and has to be.
  public func strippingBiases(_ options: ConversionOptions = ConversionOptions()) throws
    -> Conversion
  {
    do throws(ModelError) {
      return try converted(options)
    } catch {
      throw error.inFile(url.relativePath)
    }
  }

  private func converted(_ options: ConversionOptions) throws(ModelError) -> Conversion {
    let workspace = Workspace()
    let stripping = try graph.strippingBiases(alsoNamed: options.alsoStripped, in: workspace)
    var converted = stripping.graph
    var replaced: [Replacement] = []
    if options.replacesBreakers { (converted, replaced) = try converted.replacingBreakers() }
    let typed = try converted.specializedToDefaults(in: workspace).simplified()
    let homogeneity = try ModelSummary.Homogeneity(typed, of: converted)
    let report = ConversionReport(
      model: url.relativePath, modelSHA256: sha256(), stripping, replaced: replaced, homogeneity)
    if options.isStrict, homogeneity.degree == nil { throw report.strictError }
    return Conversion(
      original: self, model: with(converted), report: report, reference: stripping.reference,
      options: options)
  }
}

extension Conversion {
  /// Writes the converted model: a valid ONNX file with the metadata and names of the original, and a
  /// note of where it comes from.
  ///
  /// A model of more than 2 GiB gets a second file, its name with `.data` behind it.
  ///
  /// - Throws: `ModelError` if the file is the original's, cannot be written, or is refused by ONNX's
  ///   checker.
  public func write(to url: URL) throws {
    let path = url.relativePath
    try requireOther(url)
    do throws(ModelError) {
      let source = try original.file.messages()
      let encoded = try model.graph.encoded(
        like: source, metadata: provenance, externalName: url.lastPathComponent + ".data")
      try encoded.write(to: path, calling: "the converted model")
    } catch {
      throw error.inFile(path)
    }
  }

  /// Refuses a file to write to that is the original model.
  public func requireOther(_ url: URL) throws {
    try original.requireOther(url)
  }

  private var provenance: [String: String] {
    var entries = [
      "ascribe.conversion": "strip-biases", "ascribe.version": version,
      "ascribe.source.sha256": report.modelSHA256,
      "ascribe.removed": String(report.removed.count),
    ]
    if let calibration = report.calibration {
      entries["ascribe.calibration"] =
        "\(calibration.method), \(calibration.pictures) pictures, seed \(calibration.seed)"
    }
    return entries
  }
}

// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("InternalImportsByDefault"),
]

/// A Swift target of this package and, mirroring it, the target of its tests.
func module(
  _ name: String, _ dependencies: [Target.Dependency] = [], testing: [Target.Dependency] = [],
  excluding: [String] = []
) -> [Target] {
  [
    .target(name: name, dependencies: dependencies, swiftSettings: strict),
    .testTarget(
      name: name + "Tests", dependencies: [.target(name: name)] + dependencies + testing,
      exclude: excluding, swiftSettings: strict),
  ]
}

let package = Package(
  name: "ascribe",
  products: [
    .library(name: "Ascribe", targets: ["Ascribe"]),
    .executable(name: "ascribe", targets: ["AscribeCLI"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    .package(url: "https://github.com/swiftcsv/SwiftCSV", from: "0.10.0"),
  ],
  targets: [
    .systemLibrary(
      name: "CProtobufC", pkgConfig: "libprotobuf-c", providers: [.apt(["libprotobuf-c-dev"])]),
    .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
    .target(name: "CONNX", dependencies: ["CProtobufC"]),
    .target(
      name: "CONNXCheck",
      cxxSettings: [.define("ONNX_NAMESPACE", to: "onnx"), .define("ONNX_ML", to: "1")],
      linkerSettings: [
        .linkedLibrary("onnx"), .linkedLibrary("onnx_proto"), .linkedLibrary("protobuf"),
      ]),
    .target(
      name: "CDNNL", linkerSettings: [.linkedLibrary("dnnl"), .linkedLibrary("gomp")]),
    .target(name: "CLAPACK", linkerSettings: [.linkedLibrary("openblas")]),
    .target(
      name: "CImage",
      linkerSettings: [.linkedLibrary("gd"), .linkedLibrary("exif"), .linkedLibrary("tiff")]),
    .executableTarget(
      name: "AscribeCLI",
      dependencies: [
        "Ascribe", .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ], swiftSettings: strict),
  ]
    + module("Tensors", ["CCrypto"])
    + module("Kernels", ["Tensors", "CDNNL", "CLAPACK"])
    + module("Graphs", ["Kernels", "Tensors"], testing: ["Operators"])
    + module("Operators", ["Graphs", "Kernels", "Tensors"])
    + module(
      "ONNXFormat", ["Operators", "Graphs", "Kernels", "Tensors", "CONNX", "CONNXCheck"],
      testing: ["TestSupport"])
    + module("Rewrites", ["Operators", "Graphs", "Kernels", "Tensors"])
    + module("Attribution", ["Rewrites", "Operators", "Graphs", "Kernels", "Tensors"])
    + module(
      "Evaluation",
      [
        "Attribution", "Graphs", "Kernels", "Tensors", "CImage",
        .product(name: "GRDB", package: "GRDB.swift"),
        .product(name: "SwiftCSV", package: "SwiftCSV"),
      ], testing: ["TestSupport"], excluding: ["Golden"])
    + module("Reports", ["Evaluation", "Attribution", "Tensors", "CImage"])
    + module(
      "Ascribe",
      [
        "Reports", "Evaluation", "Attribution", "Rewrites", "ONNXFormat", "Operators", "Graphs",
        "Kernels", "Tensors",
      ], testing: ["TestSupport"])
    + [
      .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: strict),
      .testTarget(
        name: "ConformanceTests",
        dependencies: ["ONNXFormat", "Rewrites", "Operators", "Graphs", "Kernels", "Tensors"],
        exclude: ["supported.txt"], swiftSettings: strict),
      .testTarget(
        name: "AscribeCLITests",
        dependencies: ["AscribeCLI", "ONNXFormat", "Tensors", "TestSupport"],
        exclude: ["Help"], swiftSettings: strict),
    ],
  cxxLanguageStandard: .cxx17
)

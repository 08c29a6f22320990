package pinnacle

import (
	"cmp"
	"context"
	"runtime"

	"github.com/pinnacle-proxy/pinnacle-proxy/config"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf/dask"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf/onnx"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf/sentence"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf/starlark"
)

// runtimes are what USING may name.
func (p *Proxy) runtimes() []udf.Runtime {
	pool := udf.NewPool(cmp.Or(p.settings.ComputeWorkers, runtime.GOMAXPROCS(0)))
	here := starlark.New(starlark.Config{MaxSteps: uint64(p.settings.StarlarkMaxSteps), Pool: pool})
	sentences := sentence.New(onnx.New(onnxConfig(&p.settings, pool)))
	return append([]udf.Runtime{here, p.onnxRuntime(pool), sentences}, taggedRuntimes()...)
}

// onnxRuntime is the runtime of onnx models, whose graphs run where the setting compute says.
func (p *Proxy) onnxRuntime(pool *udf.Pool) *onnx.Runtime {
	c := &p.settings
	cluster := DaskCluster(c)
	if cluster == nil {
		return onnx.New(onnxConfig(c, pool))
	}
	p.options.Logger.Info("models USING onnx run on a Dask cluster, those USING starlark and sentence in the proxy", "scheduler", c.DaskScheduler())
	p.onClose(func(context.Context) error { return cluster.Close() })
	return onnx.New(onnx.Config{IntraOpThreads: c.ONNXThreads, MaxModelBytes: int64(c.ONNXMaxModelBytes), Compute: cluster})
}

// DaskCluster is the cluster that the setting compute names, not yet connected to; nil where models run in this process.
func DaskCluster(c *config.Config) *dask.Cluster {
	scheduler := c.DaskScheduler()
	if scheduler == "" {
		return nil
	}
	return dask.New(dask.Config{Address: scheduler, Python: c.ComputePython, ConnectTimeout: c.ComputeTimeout})
}

// ONNXRuntime is the runtime of onnx models that run in this process, as the settings make it, without a pool.
func ONNXRuntime(c *config.Config) *onnx.Runtime { return onnx.New(onnxConfig(c, nil)) }

// onnxConfig is what the settings say of onnx models that run in this process.
func onnxConfig(c *config.Config, pool *udf.Pool) onnx.Config {
	return onnx.Config{LibraryPath: c.ONNXRuntime, SearchDirs: []string{c.DataDir}, IntraOpThreads: c.ONNXThreads,
		Sessions: c.ONNXSessions, MaxModelBytes: int64(c.ONNXMaxModelBytes), Pool: pool}
}
